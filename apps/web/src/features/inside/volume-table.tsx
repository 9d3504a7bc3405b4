import { Button, Table } from '@mantine/core';
import type { InsideVolume } from '@strata/contract';
import { visibleName } from '../../lib/visible-text.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { holdsOf, volumeName } from './volume-facts.ts';
import classes from './volume-table.module.css';

interface VolumeTableProps {
  volumes: readonly InsideVolume[];
  onOpen: (device: string) => void;
}

const text = words.inside.volumes;
const { columns } = text;

/** Every partition and volume with its place on the disk; those that can be opened are. */
export function VolumeTable({ volumes, onOpen }: VolumeTableProps) {
  if (volumes.length === 0) return <p className={classes.muted}>{text.none}</p>;
  return (
    <div className={classes.scroll}>
      <Table verticalSpacing={6} horizontalSpacing={10} className={classes.table} aria-label={text.title}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.number}</Table.Th>
            <Table.Th>{columns.holds}</Table.Th>
            <Table.Th>{columns.size}</Table.Th>
            <Table.Th>{columns.start}</Table.Th>
            <Table.Th>{columns.offset}</Table.Th>
            <Table.Th>{columns.type}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {volumes.map((volume) => (
            <VolumeRow key={volume.device} volume={volume} onOpen={onOpen} />
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function VolumeRow({ volume, onOpen }: { volume: InsideVolume; onOpen: (device: string) => void }) {
  const name = volumeName(volume);
  const { partition, startSector, offset, size, typeName, type, mountable, reason, uuid, device } = volume;
  return (
    <Table.Tr>
      <Table.Td data-label={columns.number}>{partition ?? name}</Table.Td>
      <Table.Td className={classes.holds} data-label={columns.holds}>
        <div className={classes.opens}>
          {mountable ? (
            <Button size="compact-sm" aria-label={text.open(name)} onClick={() => onOpen(device)}>
              {text.openShort}
            </Button>
          ) : null}
          <span className={classes.name}>{holdsOf(volume)}</span>
        </div>
        {mountable ? null : (
          <p className={classes.muted}>{reason === null ? text.notOpened : visibleName(reason)}</p>
        )}
        {uuid === null ? null : <code className={classes.id}>{visibleName(uuid)}</code>}
      </Table.Td>
      <Table.Td data-label={columns.size}>
        {size === null ? words.library.none : <Bytes value={size} />}
      </Table.Td>
      <Table.Td data-label={columns.start}>
        <Copied value={startSector} label={text.copyStart(name)} />
      </Table.Td>
      <Table.Td data-label={columns.offset}>
        <Copied value={offset} label={text.copyOffset(name)} />
      </Table.Td>
      <Table.Td className={classes.type} data-label={columns.type}>
        {visibleName(typeName ?? type ?? words.library.none)}
      </Table.Td>
    </Table.Tr>
  );
}

/** A number as one pastes it, with its own button. */
const Copied = ({ value, label }: { value: number | null; label: string }) =>
  value === null ? (
    words.library.none
  ) : (
    <span className={classes.copied}>
      {value}
      <CopyButton compact text={String(value)} label={label} />
    </span>
  );
