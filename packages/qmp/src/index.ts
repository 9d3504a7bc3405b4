export type * from './client.types.ts';
export type * from './commands.ts';
