import { Table } from '@mantine/core';
import type { Vm } from '@strata/contract';
import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo } from 'react';
import { contentElement } from '../../lib/content-element.ts';
import { words } from '../../lib/words.ts';
import { StateBadge } from './state-badge.tsx';
import { PrimaryAction } from './vm-card.tsx';
import { address, chainDepth, sizeFact } from './vm-facts.ts';
import { VmMenu } from './vm-menu.tsx';
import classes from './vm-table.module.css';

/** Of every row, see the style sheet. */
const rowHeight = 43;

/** The same VMs, a line each. Rows out of view are stood for by two spacers. */
export function VmTable({ vms }: { vms: Vm[] }) {
  const { columns } = words.vms.list;
  const rows = useVirtualizer({
    count: vms.length,
    getScrollElement: contentElement,
    estimateSize: () => rowHeight,
    overscan: 12,
    useFlushSync: false,
  });
  const shown = rows.getVirtualItems();
  const before = shown[0]?.start ?? 0;
  const after = rows.getTotalSize() - (shown.at(-1)?.end ?? 0);
  return (
    <div className={classes.scroll}>
      <Table highlightOnHover verticalSpacing={6} aria-rowcount={vms.length + 1}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.name}</Table.Th>
            <Table.Th>{columns.state}</Table.Th>
            <Table.Th>{columns.size}</Table.Th>
            <Table.Th>{columns.address}</Table.Th>
            <Table.Th>{columns.layers}</Table.Th>
            <Table.Th>{columns.snapshots}</Table.Th>
            <Table.Th>
              <span className="visually-hidden">{columns.actions}</span>
            </Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {before > 0 ? <tr style={{ height: before }} aria-hidden /> : null}
          {shown.map(({ index }) => {
            const vm = vms[index];
            return vm ? <VmRow key={vm.id} vm={vm} index={index} /> : null;
          })}
          {after > 0 ? <tr style={{ height: after }} aria-hidden /> : null}
        </Table.Tbody>
      </Table>
    </div>
  );
}

const VmRow = memo(function VmRow({ vm, index }: { vm: Vm; index: number }) {
  return (
    <Table.Tr aria-rowindex={index + 2} className={classes.row ?? ''}>
      <Table.Td className={classes.name}>
        <Link to="/vms/$vmId" params={{ vmId: vm.id }} className={classes.link}>
          {vm.name}
        </Link>
      </Table.Td>
      <Table.Td>
        <StateBadge vm={vm} />
      </Table.Td>
      <Table.Td className={classes.fact}>{sizeFact(vm)}</Table.Td>
      <Table.Td className={classes.fact}>{address(vm) ?? '–'}</Table.Td>
      <Table.Td className={classes.fact}>{chainDepth(vm) || '–'}</Table.Td>
      <Table.Td className={classes.fact}>{vm.snapshotCount || '–'}</Table.Td>
      <Table.Td>
        <div className={classes.actions}>
          <PrimaryAction vm={vm} />
          <VmMenu vm={vm} />
        </div>
      </Table.Td>
    </Table.Tr>
  );
});
