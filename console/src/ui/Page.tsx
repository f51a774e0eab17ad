import { type ReactNode, useEffect } from "react";

/** A page: its heading, what can be done on it, and its content. */
export function Page({
  title,
  data = false,
  about,
  actions,
  children,
}: {
  title: string;
  /** The title is data, such as the name of a file. */
  data?: boolean;
  about?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Darkroom`;
  }, [title]);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1 translate={data ? "no" : undefined}>{title}</h1>
          {about && <p>{about}</p>}
        </div>
        {actions && <div className="row">{actions}</div>}
      </div>
      {children}
    </div>
  );
}
