import { Tabs as RadixTabs } from "radix-ui";
import type { ReactNode } from "react";

export type Tab = { key: string; label: string; content: ReactNode };

/** Parts of a page, of which one is shown. With one part alone there is nothing to choose, and no list. */
export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const [first] = tabs;
  if (!first) return null;
  if (tabs.length === 1) return first.content;
  return (
    <RadixTabs.Root className="tabs" defaultValue={first.key} activationMode="manual">
      <RadixTabs.List className="tabs-list" aria-label={label}>
        {tabs.map((tab) => (
          <RadixTabs.Trigger key={tab.key} value={tab.key}>
            {tab.label}
          </RadixTabs.Trigger>
        ))}
      </RadixTabs.List>
      {tabs.map((tab) => (
        <RadixTabs.Content key={tab.key} value={tab.key} className="tab">
          {tab.content}
        </RadixTabs.Content>
      ))}
    </RadixTabs.Root>
  );
}
