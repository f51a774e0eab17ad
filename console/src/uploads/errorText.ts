export { errorText } from "../i18n/said.ts";
