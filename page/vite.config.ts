import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The page is package data of the Python package. Everything stays a file of its own: the server's
// Content-Security-Policy admits neither inline scripts nor data addresses.
export default defineConfig({
  plugins: [svelte()],
  base: "/",
  worker: { format: "es" },
  build: {
    outDir: "../src/timbrespace/page",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    reportCompressedSize: false,
  },
});
