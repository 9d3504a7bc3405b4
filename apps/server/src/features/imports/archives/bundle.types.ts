/** One file in an archive of several. */
export interface BundleEntry {
  /** As it is called there, with its folders. Never a path of ours. */
  readonly name: string;
  /** What it says to be unpacked. */
  readonly size: number;
  open(signal?: AbortSignal): AsyncIterable<Buffer>;
}

export interface Bundle {
  readonly entries: readonly BundleEntry[];
  close(): Promise<void>;
}

/** Whatever an archive claims, no more of its directory is looked at. */
export const mostEntries = 10_000;
