import type { ReactNode } from "react";

type Fact = readonly [name: string, value: ReactNode, nameIsData?: boolean];

/** Names and values of a single thing. Absent ones are left out. */
export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl className="facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== "")
        .map(([name, value, nameIsData]) => (
          <div key={name}>
            <dt translate={nameIsData ? "no" : undefined}>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
