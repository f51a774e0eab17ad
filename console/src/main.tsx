import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/errors.ts";
import { App } from "./app/App.tsx";
import { applyTheme, keptTheme } from "./app/theme.ts";
import { Translated } from "./i18n/Translated.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/ui.css";
import "./styles/shell.css";

const MOST_TRIES = 3;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      refetchOnWindowFocus: true,
      // Only what may pass by itself is asked again.
      retry: (tries, error) => tries < MOST_TRIES && error instanceof ApiError && error.passing,
      retryDelay: (tries, error) =>
        error instanceof ApiError && error.retryAfter ? error.retryAfter * 1000 : Math.min(1000 * 2 ** tries, 10_000),
    },
  },
});

applyTheme(keptTheme());

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Translated>
          <App />
        </Translated>
      </QueryClientProvider>
    </StrictMode>,
  );
}
