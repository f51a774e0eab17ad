/** A run that takes so long is left alone meanwhile. */
const LONG_SECONDS = 15;

export function isLong(seconds: number): boolean {
  return seconds >= LONG_SECONDS;
}

/** Whether a person can be asked for notifications and has not been. Without TLS, browsers have none. */
export function mayAsk(): boolean {
  return "Notification" in window && Notification.permission === "default";
}

export function mayNotify(): boolean {
  return "Notification" in window && Notification.permission === "granted";
}
