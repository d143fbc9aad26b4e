/** Sentences for the bar: what just went wrong, each for a while. */
const STAY_MS = 9000;

export class Notices {
  list = $state<string[]>([]);

  say(sentence: string): void {
    if (this.list.includes(sentence)) return;
    this.list.push(sentence);
    setTimeout(() => this.drop(sentence), STAY_MS);
  }

  drop(sentence: string): void {
    this.list = this.list.filter((s) => s !== sentence);
  }
}
