/** Placeholder map; filled with the commands and events Strata uses. */
export interface QmpCommands {
  qmp_capabilities: { arguments: undefined; return: Record<string, never> };
}
export interface QmpEvents {
  STOP: Record<string, never>;
}
