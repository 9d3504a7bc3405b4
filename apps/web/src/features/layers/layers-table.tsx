import { Table } from '@mantine/core';
import { useState } from 'react';
import { formatBytes } from '../../lib/format.ts';
import { words } from '../../lib/words.ts';
import { Bytes } from '../../ui/bytes.tsx';
import type { LayerModel } from './layer-model.ts';
import classes from './layers-table.module.css';

const most = 6;

/** The same drawing for those who read it: nothing in the strips is said by colour alone. */
export function LayersTable({ title, models }: { title: string; models: readonly LayerModel[] }) {
  const [open, setOpen] = useState(false);
  const { table } = words.layers;
  return (
    <details className={classes.details} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{table.show}</summary>
      {open ? (
        <div className={classes.scroll}>
          <Table captionSide="top" verticalSpacing={4}>
            <Table.Caption>{table.caption(title)}</Table.Caption>
            <Table.Thead>
              <Table.Tr>
                {[table.layer, table.stored, table.provides, table.hidden, table.where].map((column) => (
                  <Table.Th key={column} scope="col">
                    {column}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {models.map((layer) => (
                <LayerLine key={layer.image.id} layer={layer} />
              ))}
            </Table.Tbody>
          </Table>
        </div>
      ) : null}
    </details>
  );
}

function LayerLine({ layer: { image, map } }: { layer: LayerModel }) {
  const hidden = map === null ? undefined : map.allocatedBytes - map.visibleBytes;
  return (
    <Table.Tr>
      <Table.Th scope="row">{image.name}</Table.Th>
      <Table.Td>
        <Bytes value={image.allocatedSize} />
      </Table.Td>
      <Table.Td>{map ? <Bytes value={map.visibleBytes} /> : '–'}</Table.Td>
      <Table.Td>{hidden === undefined ? '–' : <Bytes value={hidden} />}</Table.Td>
      <Table.Td>{map ? where(map.visible) : '–'}</Table.Td>
    </Table.Tr>
  );
}

function where(visible: readonly (readonly [number, number])[]): string {
  if (visible.length === 0) return words.layers.table.nowhere;
  const shown = visible
    .slice(0, most)
    .map(([start, length]) => `${formatBytes(start)} – ${formatBytes(start + length)}`);
  const rest = visible.length - shown.length;
  return rest > 0 ? `${shown.join(', ')}, ${words.layers.branches.more(rest)}` : shown.join(', ');
}
