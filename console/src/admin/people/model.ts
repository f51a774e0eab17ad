import { useQuery, useQueryClient } from "@tanstack/react-query";
import type { components } from "../../../generated/v1.ts";
import { data, v1 } from "../../api/client.ts";
import { may, useMe } from "../../api/me.ts";
import type { Option } from "../../ui/Field.tsx";

export type Person = components["schemas"]["User"];
export type Role = components["schemas"]["Role"];
export type Team = components["schemas"]["Team"];

/** Roles that every account has, from the highest. */
const BUILT_IN = ["admin", "editor", "user"] as const;

export function usePeople() {
  return useQuery({ queryKey: ["people"], queryFn: () => data(v1.GET("/v1/users")) });
}

/** All roles; those who manage people but may not read the log may not list them either. */
export function useRoles() {
  const enabled = may(useMe(), "audit:read");
  return useQuery({ queryKey: ["roles"], queryFn: () => data(v1.GET("/v1/roles")), enabled });
}

export function useTeams() {
  const enabled = may(useMe(), "teams:manage");
  return useQuery({ queryKey: ["teams"], queryFn: () => data(v1.GET("/v1/teams")), enabled });
}

/** The data that a change of people, roles or teams affects: each counts the others. */
export function useChanged(): () => Promise<unknown> {
  const queries = useQueryClient();
  return () => Promise.all(["people", "roles", "teams"].map((name) => queries.invalidateQueries({ queryKey: [name] })));
}

/** Names to choose from: those that are known, and those that people have. */
export function namesOf(
  known: readonly { name: string }[] | undefined,
  had: readonly string[],
  otherwise: readonly string[],
): Option[] {
  const names = new Set([...(known?.map(({ name }) => name) ?? otherwise), ...had]);
  return [...names].map((name) => ({ value: name, label: name, data: true }));
}

/** The roles and teams that somebody can have. */
export function useChoices(people: readonly Person[]): { roles: Option[]; teams: Option[] } {
  const roles = useRoles().data?.items;
  const teams = useTeams().data?.items;
  return {
    roles: namesOf(roles, [...new Set(people.map((one) => one.role))], BUILT_IN),
    teams: namesOf(teams, [...new Set(people.map((one) => one.team))], ["Default"]),
  };
}
