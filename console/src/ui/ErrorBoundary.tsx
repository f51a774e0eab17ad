import { Component, type ReactNode } from "react";
import { ErrorNote } from "./Feedback.tsx";

/** Shows what a page failed with in place of the page, and leaves the rest alone. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return <ErrorNote error={this.state.error} onRetry={() => location.reload()} />;
  }
}
