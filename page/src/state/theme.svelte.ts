/** Dark or light: the system's choice until somebody makes one here. */
const KEY = "timbrespace-theme";

export class Theme {
  private system = $state(matchMedia("(prefers-color-scheme: dark)").matches);
  private chosen = $state<string | null>(remembered());

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
      this.system = event.matches;
      this.show();
    });
    this.show();
  }

  get dark(): boolean {
    return this.chosen === null ? this.system : this.chosen === "dark";
  }

  toggle(): void {
    this.chosen = this.dark ? "light" : "dark";
    try {
      localStorage.setItem(KEY, this.chosen);
    } catch {
      // A browser that keeps nothing still shows the choice.
    }
    this.show();
  }

  private show(): void {
    document.documentElement.dataset.theme = this.dark ? "dark" : "light";
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

export const reducedMotion = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;
