import { useQuery } from "@tanstack/react-query";
import type { components } from "../../../generated/v1.ts";
import { data, v1 } from "../../api/client.ts";

export type Webhook = components["schemas"]["WebhookRecord"];
export type Delivery = components["schemas"]["WebhookDeliveryRecord"];
export type EventType = NonNullable<components["schemas"]["CreateWebhookRequest"]["event_types"]>[number];

/** The events that can be subscribed to; `webhook.test` comes to all. */
export const EVENTS: readonly EventType[] = ["task.succeeded", "task.failed", "task.cancelled", "batch.completed"];

export function isEvent(text: string): text is EventType {
  return (EVENTS as readonly string[]).includes(text);
}

/** The events to ask the server for: none is how it says all. */
export function eventsToSend(chosen: readonly string[]): EventType[] {
  const events = chosen.filter(isEvent);
  return EVENTS.every((event) => events.includes(event)) ? [] : events;
}

export function useWebhooks() {
  return useQuery({ queryKey: ["webhooks"], queryFn: () => data(v1.GET("/v1/webhooks")) });
}
