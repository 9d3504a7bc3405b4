import { Alert, Button, Chip, FileButton, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import {
  type ChecksumAlgorithm,
  type ChecksumResult,
  checksumAlgorithm,
  checksumResult,
  endpoints,
  type Image,
} from '@strata/contract';
import { IconAlertTriangle, IconCheck, IconShieldCheck } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type DragEvent, useState } from 'react';
import { call } from '../../api/call.ts';
import { operationQuery } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { OperationProgress } from '../operations/operation-progress.tsx';
import { isUnfinished, percentOf } from '../operations/operation-state.ts';
import { SumList } from './checksum-facts.tsx';
import { sumsToSend } from './sums-to-send.ts';

/** Computes checksums of the file of an image, and compares them with what its maker has published. */
export function ChecksumDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const { checksum } = words.imageChanges;
  const [chosen, setChosen] = useState<ChecksumAlgorithm[]>(['sha256']);
  const [expected, setExpected] = useState('');
  const [operationId, setOperationId] = useState<string | null>(null);
  const text = sumsToSend(expected, image);
  const start = useMutation({
    mutationFn: () =>
      call(endpoints.checksumImage, {
        params: { id: image.id },
        body: text === '' ? { algorithms: chosen } : { expected: text },
      }),
    onSuccess: ({ id }) => setOperationId(id),
  });
  const operation = useQuery({ ...operationQuery(operationId ?? ''), enabled: operationId !== null }).data;
  const working = start.isPending || (operation !== undefined && isUnfinished(operation));
  const result = working ? null : (checksumResult.safeParse(operation?.result).data ?? null);
  const failure = operation?.state === 'failed' ? (operation.error?.message ?? null) : null;
  return (
    <Modal opened onClose={onClose} title={checksum.title(image.name)} size="38rem">
      <Stack gap="md">
        <Text size="sm">{checksum.text}</Text>
        {image.backing === undefined ? null : <Alert color="amber">{checksum.overlay}</Alert>}
        <Expected value={expected} onChange={setExpected} />
        {text === '' ? <Algorithms chosen={chosen} onChange={setChosen} /> : null}
        <div aria-live="polite">
          {working && operation !== undefined ? (
            <Stack gap={6}>
              <Text size="sm">{checksum.working(percentOf(operation))}</Text>
              <OperationProgress operation={operation} />
            </Stack>
          ) : null}
          {result ? <Result result={result} /> : null}
          {failure === null ? null : (
            <Alert color="red" icon={<IconAlertTriangle size={18} aria-hidden />}>
              {failure}
            </Alert>
          )}
        </div>
        <ErrorNotice error={start.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.common.close}
          </Button>
          <Button
            loading={working}
            data-autofocus
            disabled={text === '' && chosen.length === 0}
            onClick={() => start.mutate()}
          >
            {text === '' ? checksum.compute : checksum.compare}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Expected({ value, onChange }: { value: string; onChange: (text: string) => void }) {
  const { checksum } = words.imageChanges;
  const take = (file: File | null | undefined) => {
    if (file) void file.text().then(onChange);
  };
  const drop = (event: DragEvent) => {
    const [file] = event.dataTransfer.files;
    if (file === undefined) return;
    event.preventDefault();
    take(file);
  };
  return (
    <Stack gap={6}>
      <Textarea
        label={checksum.expected}
        description={checksum.expectedHint}
        value={value}
        rows={3}
        spellCheck={false}
        onChange={(event) => onChange(event.currentTarget.value)}
        onDragOver={(event) => event.preventDefault()}
        onDrop={drop}
      />
      <Group>
        <FileButton onChange={take}>
          {(props) => (
            <Button {...props} variant="default" size="xs">
              {checksum.drop}
            </Button>
          )}
        </FileButton>
      </Group>
    </Stack>
  );
}

interface AlgorithmsProps {
  chosen: ChecksumAlgorithm[];
  onChange: (chosen: ChecksumAlgorithm[]) => void;
}

function Algorithms({ chosen, onChange }: AlgorithmsProps) {
  const { checksum } = words.imageChanges;
  const weak = chosen.some((algorithm) => algorithm === 'md5' || algorithm === 'sha1');
  return (
    <Stack gap={6}>
      <Text size="sm" fw={500} id="checksum-kinds">
        {checksum.algorithms}
      </Text>
      <Chip.Group multiple value={chosen} onChange={(values) => onChange(values as ChecksumAlgorithm[])}>
        <Group gap={8} role="group" aria-labelledby="checksum-kinds">
          {checksumAlgorithm.options.map((algorithm) => (
            <Chip key={algorithm} value={algorithm} size="sm">
              {checksum.names[algorithm]}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      {weak ? (
        <Text size="sm" c="dimmed">
          {checksum.weak}
        </Text>
      ) : null}
    </Stack>
  );
}

const looks = {
  verified: { color: 'green', Icon: IconShieldCheck },
  mismatch: { color: 'red', Icon: IconAlertTriangle },
  computed: { color: 'gray', Icon: IconCheck },
} as const;

function Result({ result: { verified, checksums, words: text } }: { result: ChecksumResult }) {
  const state = verified === null ? 'computed' : verified ? 'verified' : 'mismatch';
  const { color, Icon } = looks[state];
  const sums = checksumAlgorithm.options.flatMap((algorithm) => {
    const value = checksums[algorithm];
    return value === undefined ? [] : [{ algorithm, value }];
  });
  return (
    <Alert color={color} icon={<Icon size={18} aria-hidden />} title={words.imageChanges.checksum[state]}>
      <Stack gap={6}>
        <span>{text}</span>
        <SumList sums={sums} />
      </Stack>
    </Alert>
  );
}
