import { defineConfig } from "vite";

/** Where `make up` serves the platform: `make console` hands API calls and uploads on to it. */
const STACK = process.env.DARKROOM_URL ?? "http://127.0.0.1:8080";
const HANDED_ON = ["/v1", "/api", "/darkroom", "/docs", "/openapi.json"];

export default defineConfig({
  // The page itself is at `/`, see edge/console.py.
  base: "/console/",
  resolve: {
    // A fifth of React's size. The packages that are used here, and all types, are those of React.
    alias: [
      { find: /^react$/, replacement: "preact/compat" },
      { find: /^react-dom$/, replacement: "preact/compat" },
      { find: /^react-dom\/client$/, replacement: "preact/compat/client" },
      { find: /^react\/jsx-runtime$/, replacement: "preact/jsx-runtime" },
      { find: /^react\/jsx-dev-runtime$/, replacement: "preact/jsx-dev-runtime" },
    ],
  },
  build: {
    outDir: process.env.CONSOLE_OUT ?? "../.cache/console",
    emptyOutDir: true,
    // Small files stay files: the content-security policy allows no data: URLs of scripts and styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    rolldownOptions: {
      // Code that many pages share is one file, not dozens of icons and small parts.
      output: {
        codeSplitting: {
          groups: [
            { name: "icons", test: /node_modules\/lucide-react/ },
            { name: "parts", test: /src\/(ui|i18n\/(?!zh|tools\.zh))|node_modules/, minShareCount: 3 },
          ],
        },
      },
    },
  },
  server: { proxy: Object.fromEntries(HANDED_ON.map((path) => [path, { target: STACK, changeOrigin: false }])) },
});
