import type { ComponentProps, ReactNode } from "react";

type Look = { look?: "primary" | "danger" | "quiet"; small?: boolean };

function classes({ look, small }: Look, icon: boolean, more?: string): string {
  return ["button", look, small && "small", icon && "icon", more].filter(Boolean).join(" ");
}

/** A button with a text. */
export function Button({ look, small, className, type = "button", ...rest }: ComponentProps<"button"> & Look) {
  return <button type={type} className={classes({ look, small }, false, className)} {...rest} />;
}

/** A button that shows an icon alone; `label` is its name. */
export function IconButton({
  label,
  look,
  small,
  className,
  children,
  type = "button",
  ...rest
}: ComponentProps<"button"> & Look & { label: string; children: ReactNode }) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={classes({ look, small }, true, className)}
      {...rest}
    >
      {children}
    </button>
  );
}

/** A link that looks like a button. */
export function ButtonLink({ look, small, className, ...rest }: ComponentProps<"a"> & Look) {
  return <a className={classes({ look, small }, false, className)} {...rest} />;
}
