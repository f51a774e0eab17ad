import { useMemo } from "react";
import { useLanguage } from "./texts.ts";

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;
const TIMES = {
  "en-GB": { second: "s", minute: "min", hour: "h" },
  "zh-CN": { second: "秒", minute: "分钟", hour: "小时" },
} as const;

export type Formats = {
  number: (value: number) => string;
  percent: (share: number) => string;
  bytes: (value: number) => string;
  date: (value: string | Date) => string;
  time: (value: string | Date) => string;
  ago: (value: string | Date) => string;
  duration: (seconds: number) => string;
  /** A duration that is estimated. */
  roughly: (seconds: number) => string;
};

/** Numbers, dates and sizes as the chosen language writes them. */
export function useFormats(): Formats {
  const language = useLanguage();
  return useMemo(() => formats(language === "zh" ? "zh-CN" : "en-GB"), [language]);
}

export function formats(locale: keyof typeof TIMES): Formats {
  const { second, minute, hour } = TIMES[locale];
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 3 });
  const short = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const date = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" });
  const time = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });
  return {
    number: (value) => number.format(value),
    percent: (share) => percent.format(share),
    bytes: (value) => {
      let power = 0;
      let rest = value;
      while (rest >= 1000 && power < UNITS.length - 1) {
        rest /= 1000;
        power += 1;
      }
      return `${short.format(rest)} ${UNITS[power]}`;
    },
    date: (value) => date.format(new Date(value)),
    time: (value) => time.format(new Date(value)),
    ago: (value) => {
      const seconds = (new Date(value).getTime() - Date.now()) / 1000;
      const steps: [Intl.RelativeTimeFormatUnit, number][] = [
        ["second", 60],
        ["minute", 60],
        ["hour", 24],
        ["day", 30],
        ["month", 12],
      ];
      let rest = seconds;
      for (const [unit, size] of steps) {
        if (Math.abs(rest) < size) return relative.format(Math.round(rest), unit);
        rest /= size;
      }
      return relative.format(Math.round(rest), "year");
    },
    duration: (seconds) => {
      if (seconds < 60) return `${short.format(seconds)} ${second}`;
      const minutes = Math.floor(seconds / 60);
      return minutes < 60
        ? `${minutes} ${minute} ${Math.round(seconds % 60)} ${second}`
        : `${Math.floor(minutes / 60)} ${hour} ${minutes % 60} ${minute}`;
    },
    roughly: (seconds) =>
      seconds < 90
        ? `${number.format(Math.round(seconds))} ${second}`
        : `${number.format(Math.round(seconds / 60))} ${minute}`,
  };
}
