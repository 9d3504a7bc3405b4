import { Select, Text } from '@mantine/core';
import { type Device, endpoints, operation, type ReadDevice, readDevicePlan } from '@strata/contract';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import { MakingForm } from '../make/making-form.tsx';
import { useMaking } from '../make/use-making.ts';
import { DeviceChoice } from './device-choice.tsx';
import { devicesQuery } from './devices-query.ts';

const formats: readonly ReadDevice['format'][] = ['raw', 'qcow2', 'iso'];

/** A disc becomes an ISO unless somebody wants it otherwise. */
const usualFormat = (device: Device | undefined): ReadDevice['format'] =>
  device?.kind === 'optical' ? 'iso' : 'raw';

/** An image of what is on a device of the host. */
export function ReadDeviceForm({ onClose }: { onClose: () => void }) {
  const devices = useQuery(devicesQuery());
  const [id, setId] = useState<string | null>(null);
  const [wished, setWished] = useState<ReadDevice['format'] | null>(null);
  const text = words.devices.read;
  const device = devices.data?.items.find((each) => each.id === id && each.reading.blockers.length === 0);
  const format = wished ?? usualFormat(device);
  const making = useMaking(
    async (target) =>
      operation.parse(
        await call(endpoints.readDevice, { params: { id: device?.id ?? '' }, body: { ...target, format } }),
      ),
    onClose,
  );
  const { folder } = making.target;
  const plan = useQuery({
    queryKey: ['devices', 'read', device?.id, format, folder],
    enabled: device !== undefined,
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const body = { name: 'plan', format, plan: true, ...(folder === null ? {} : { folder }) };
      const answer = await call(endpoints.readDevice, { params: { id: device?.id ?? '' }, body, signal });
      return readDevicePlan.parse(answer);
    },
  });
  return (
    <MakingForm making={making} ready={device !== undefined} onClose={onClose}>
      <DeviceChoice devices={devices} purpose="reading" value={id} onChange={setId} />
      <Select
        label={text.format}
        value={format}
        onChange={(value) => setWished(formats.find((each) => each === value) ?? null)}
        data={formats.map((each) => ({ value: each, label: text.formats[each] }))}
        allowDeselect={false}
      />
      {plan.data === undefined || device === undefined ? null : (
        <Text size="sm" c="dimmed" aria-live="polite">
          {[text.needs(plan.data.required, plan.data.free), ...plan.data.notes].join(' ')}
        </Text>
      )}
    </MakingForm>
  );
}
