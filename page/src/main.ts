import "@fontsource-variable/inter/wght.css";
import "./page.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { instrument } from "./state/instrument.svelte";
import { expose } from "./state/probe";

expose({ instrument, heard: (seconds: number) => instrument.sound.heard(seconds) });
mount(App, { target: document.getElementById("app") as HTMLElement });
void instrument.open();
