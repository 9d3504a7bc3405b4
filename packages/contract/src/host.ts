import { z } from 'zod';
import { bytes, problem } from './common.ts';

export const tool = z.object({
  path: z.string().nullable(),
  version: z.string().nullable(),
  /** What is missing without it. */
  purpose: z.string(),
});
export const host = z.object({
  version: z.string(),
  qemu: z.object({
    version: z.string().nullable(),
    targets: z.array(
      z.object({
        arch: z.string(),
        binary: z.string(),
        machines: z.array(z.object({ name: z.string(), alias: z.string().optional(), default: z.boolean() })),
        cpus: z.array(z.string()),
      }),
    ),
  }),
  tools: z.record(z.string(), tool),
  accelerators: z.object({
    kvm: z.object({
      usable: z.boolean(),
      reason: z.string(),
      /** The command that mends it, when there is one. */
      remedy: z.string().optional(),
    }),
    tcg: z.object({ usable: z.boolean(), reason: z.string() }),
  }),
  storage: z.array(z.object({ path: z.string(), total: bytes, free: bytes })),
  dataDir: z.string(),
  runDir: z.string(),
  cpuCount: z.int(),
  memory: z.object({ total: bytes, free: bytes }),
  problems: z.array(problem),
});
export type Host = z.infer<typeof host>;
