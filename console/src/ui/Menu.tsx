import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";

export type MenuItem = { key: string; label: string; icon?: ReactNode; onSelect: () => void; danger?: boolean };

/** A button that opens a menu. Not modal: that would need styles in the page, which its security policy forbids. */
export function Menu({ trigger, items }: { trigger: ReactNode; items: readonly MenuItem[] }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className="menu" align="end" sideOffset={4}>
          {items.map((item) => (
            <DropdownMenu.Item
              key={item.key}
              className={item.danger ? "menu-item danger" : "menu-item"}
              onSelect={item.onSelect}
            >
              {item.icon}
              {item.label}
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}
