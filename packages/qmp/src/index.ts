export type * from './client.types.ts';
export type * from './commands.ts';
export { type ConnectOptions, connectQmp } from './connect.ts';
export * from './errors.ts';
export type * from './events.ts';
export { type JobInfo, JobWatcher, type WatchOptions, watchJob } from './job-watcher.ts';
export type * from './structs.ts';
