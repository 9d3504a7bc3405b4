import type { InsideSession } from '@strata/contract';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { words } from '../../lib/words.ts';
import { Panel } from '../../ui/page.tsx';
import { FilesView } from './files-view.tsx';
import { type InsidePath, root } from './inside-path.ts';
import { VolumeBar } from './volume-bar.tsx';
import { VolumeTable } from './volume-table.tsx';

/** First the partitions; with one of them chosen (`?volume=`), its files. Each step is one back in the browser. */
export function InsideView({ session, diskSize }: { session: InsideSession; diskSize: number }) {
  const { volume: chosen, path, raw } = useSearch({ strict: false });
  const navigate = useNavigate();
  const volume = session.volumes.find(({ device, mountable }) => mountable && device === chosen);
  const show = (device: string | null, place: InsidePath) =>
    void navigate({
      to: '/library/$imageId/inside',
      params: { imageId: session.imageId },
      search: {
        ...(session.tag === null ? {} : { tag: session.tag }),
        ...(device === null ? {} : { volume: device }),
        ...(place.path === '/' ? {} : { path: place.path }),
        ...(place.rawPath === null ? {} : { raw: place.rawPath }),
      },
    });
  const { volumes } = session;
  return (
    <>
      <VolumeBar
        volumes={volumes}
        diskSize={diskSize}
        chosen={volume?.device ?? null}
        onOpen={(device) => show(device, root)}
      />
      {volume === undefined ? (
        <Panel title={words.inside.volumes.title}>
          <VolumeTable volumes={volumes} onOpen={(device) => show(device, root)} />
        </Panel>
      ) : (
        <FilesView
          key={volume.device}
          session={session}
          volume={volume}
          place={path === undefined ? root : { path, rawPath: raw ?? null }}
          onPlace={(place) => show(volume.device, place)}
          onVolumes={() => show(null, root)}
        />
      )}
    </>
  );
}
