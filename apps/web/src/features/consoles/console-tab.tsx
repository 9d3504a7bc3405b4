import { SegmentedControl } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import { vmQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import classes from './console-tab.module.css';
import { ScreenConsole } from './screen-console.tsx';

const SerialConsole = lazy(async () => ({ default: (await import('./serial-console.tsx')).SerialConsole }));

export function ConsoleTab() {
  const { vmId } = useParams({ from: '/vms/$vmId/console' });
  const vm = useQuery(vmQuery(vmId)).data;
  const [chosen, setChosen] = useState<string | null>(null);
  if (!vm) return null;
  const shown = chosen ?? (vm.display === 'none' && vm.serial > 0 ? '0' : 'screen');
  const kinds = [
    { value: 'screen', label: words.consoles.screen },
    ...Array.from({ length: vm.serial }, (_, port) => ({
      value: String(port),
      label: words.consoles.serial(port, vm.serial),
    })),
  ];
  return (
    <div className={classes.tab}>
      {kinds.length > 1 ? (
        <SegmentedControl
          className={classes.kinds ?? ''}
          size="xs"
          aria-label={words.consoles.kinds}
          value={shown}
          onChange={setChosen}
          data={kinds}
        />
      ) : null}
      {shown === 'screen' ? (
        <ScreenConsole vm={vm} />
      ) : (
        <Suspense fallback={<RowSkeletons />}>
          <SerialConsole key={shown} vm={vm} port={Number(shown)} />
        </Suspense>
      )}
    </div>
  );
}
