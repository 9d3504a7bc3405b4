import { disposeStrata, type Strata, startStrata } from '../src/strata.ts';
import { benchCheckpoint } from './checkpoint.ts';
import { benchDataMovement } from './data-movement.ts';
import { benchDeleteSnapshot } from './delete-snapshot.ts';
import { benchGuestStall } from './guest-stall.ts';
import { benchChecksum, benchConvert } from './image-tools.ts';
import { benchLayersView } from './layers-view.ts';
import { benchLibraryScan } from './library-scan.ts';
import { benchLiveSnapshot } from './live-snapshot.ts';
import { benchMapAggregation } from './map-aggregation.ts';
import { type Line, print } from './table.ts';
import { benchUpload } from './upload.ts';

/*
 * `npm run bench [-- move snapshot stall checkpoint delete scan layers map checksum convert upload]`: the built Strata beside the same work by QEMU's own means, in the
 * same run on the same machine. It prints ratios and asserts nothing: look at them on a machine that does nothing else.
 * STRATA_BENCH_MIB and STRATA_BENCH_ROUNDS make it shorter.
 */
const mebibytes = Number(process.env.STRATA_BENCH_MIB ?? 1024);
const rounds = Number(process.env.STRATA_BENCH_ROUNDS ?? 3);

const benches: Record<string, (strata: Strata) => Promise<Line[]>> = {
  move: (strata) => benchDataMovement(strata, mebibytes, rounds),
  snapshot: benchLiveSnapshot,
  stall: benchGuestStall,
  checkpoint: benchCheckpoint,
  delete: benchDeleteSnapshot,
  scan: () => benchLibraryScan(1000, rounds),
  layers: (strata) => benchLayersView(strata, rounds),
  map: (strata) => benchMapAggregation(strata, 120_000),
  checksum: (strata) => benchChecksum(strata, mebibytes, rounds),
  convert: (strata) => benchConvert(strata, mebibytes, rounds),
  upload: (strata) => benchUpload(strata, mebibytes, rounds),
};

const wanted = process.argv.slice(2).filter((word) => word !== '--');
const unknown = wanted.filter((name) => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(`no such bench: ${unknown.join(', ')} (${Object.keys(benches).join(', ')})\n`);
  process.exit(2);
}

const lines: Line[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stderr.write(`${name} …\n`);
  const strata = await startStrata();
  try {
    lines.push(...(await bench(strata)));
  } finally {
    await disposeStrata(strata);
  }
}
print(lines);
