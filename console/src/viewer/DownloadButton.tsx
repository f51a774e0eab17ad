import { Download } from "lucide-react";
import { useTexts } from "../i18n/texts.ts";
import { Button } from "../ui/Button.tsx";
import { downloadFile, type ViewedFile } from "./files.ts";

export function DownloadButton({ file }: { file: ViewedFile }) {
  const t = useTexts();
  return (
    <Button small onClick={() => downloadFile(file)}>
      <Download aria-hidden />
      {t.common.download}
    </Button>
  );
}
