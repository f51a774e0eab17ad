import { useEffect } from "react";
import { useMe } from "../api/me.ts";
import { runs } from "../runs/index.ts";
import { uploads } from "../uploads/index.ts";

/** Continue the uploads and runs of the signed-in person, on any page. */
export function useWorkspace(): void {
  const me = useMe();
  const owner = me && `${me.account_id}/${me.user?.id ?? me.kind}`;
  useEffect(() => {
    if (!owner) return;
    void uploads.open(owner);
    void runs.open(owner);
  }, [owner]);
}
