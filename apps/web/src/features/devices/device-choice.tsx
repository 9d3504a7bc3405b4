import { Button, Group, Radio, Text } from '@mantine/core';
import type { Device, DeviceList } from '@strata/contract';
import type { UseQueryResult } from '@tanstack/react-query';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { RowSkeletons } from '../../ui/skeletons.tsx';
import { factsOf, titleOf } from './device-text.ts';
import classes from './devices.module.css';

interface DeviceChoiceProps {
  devices: UseQueryResult<DeviceList>;
  /** For what it is chosen. */
  purpose: 'reading' | 'writing';
  value: string | null;
  onChange: (id: string) => void;
}

/** Nothing is chosen before somebody chooses; what cannot be chosen stands below, with its reasons. */
export function DeviceChoice({ devices, purpose, value, onChange }: DeviceChoiceProps) {
  const items = devices.data?.items ?? [];
  const possible = items.filter((device) => device[purpose].blockers.length === 0);
  const refused = items.filter((device) => device[purpose].blockers.length > 0);
  return (
    <>
      <ErrorNotice error={devices.error} onRetry={() => void devices.refetch()} />
      {devices.isPending ? <RowSkeletons count={2} height={52} /> : null}
      <Radio.Group label={words.devices.choose} value={value} onChange={onChange}>
        <div className={classes.cards}>
          {possible.map((device) => (
            <Radio.Card key={device.id} value={device.id} className={classes.card} radius="md">
              <Radio.Indicator size="xs" />
              <span className={classes.name}>{titleOf(device)}</span>
              <span className={classes.facts}>{factsOf(device).join(' · ')}</span>
            </Radio.Card>
          ))}
        </div>
      </Radio.Group>
      {devices.data !== undefined && possible.length === 0 ? (
        <Text size="sm">{words.devices.none}</Text>
      ) : null}
      <Group justify="space-between" align="flex-start">
        {refused.length === 0 ? <span /> : <Refused devices={refused} purpose={purpose} />}
        <Button
          size="compact-sm"
          variant="default"
          loading={devices.isFetching}
          onClick={() => void devices.refetch()}
        >
          {words.devices.again}
        </Button>
      </Group>
    </>
  );
}

function Refused({ devices, purpose }: { devices: readonly Device[]; purpose: 'reading' | 'writing' }) {
  return (
    <details>
      <summary>{words.devices.refused(devices.length)}</summary>
      <ul className={classes.list}>
        {devices.map((device) => (
          <li key={device.id}>
            <strong>{titleOf(device)}</strong>
            <ul className={classes.reasons}>
              {device[purpose].blockers.map(({ code, message, repair }) => (
                <li key={`${code} ${message}`}>
                  {message} {repair ? <span className={classes.muted}>{repair}</span> : null}
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </details>
  );
}
