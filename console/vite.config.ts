import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where `make up` serves the platform: `npm run dev` hands API calls and uploads on to it. */
const STACK = process.env.DARKROOM_URL ?? "http://127.0.0.1:8080";
const HANDED_ON = ["/v1", "/api", "/darkroom", "/docs", "/openapi.json"];

export default defineConfig({
  // The page itself is at `/`, see edge/console.py.
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: process.env.CONSOLE_OUT ?? "../.cache/console",
    emptyOutDir: true,
    // Small files stay files: the content-security policy allows no data: URLs of scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: Object.fromEntries(HANDED_ON.map((path) => [path, { target: STACK, changeOrigin: false }])) },
});
