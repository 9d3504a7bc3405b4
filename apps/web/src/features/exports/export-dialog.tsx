import { Button, Checkbox, Group, NumberInput, Radio, Stack, Text, TextInput } from '@mantine/core';
import { type CreateExport, endpoints, type Image } from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { exportsQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ExportCard } from './export-card.tsx';

type How = 'unix' | 'tcp' | 'fuse';

/** Asks how, then shows where the export is and what to type. */
export function ExportDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const [made, setMade] = useState<string | null>(null);
  const one = useQuery(exportsQuery()).data?.items.find(({ id }) => id === made);
  return (
    <Dialog onClose={onClose} title={words.exports.dialog.title(image.name)} size="46rem">
      {one === undefined ? (
        <ExportForm image={image} onMade={setMade} onClose={onClose} />
      ) : (
        <Stack gap="md">
          <ExportCard one={one} open />
          <Group justify="flex-end">
            <Button onClick={onClose}>{words.exports.dialog.done}</Button>
          </Group>
        </Stack>
      )}
    </Dialog>
  );
}

interface ExportFormProps {
  image: Image;
  onMade: (id: string) => void;
  onClose: () => void;
}

function ExportForm({ image, onMade, onClose }: ExportFormProps) {
  const client = useQueryClient();
  const text = words.exports.dialog;
  const [how, setHow] = useState<How>('unix');
  const [name, setName] = useState(image.name);
  const [port, setPort] = useState<number | null>(null);
  const [tls, setTls] = useState(true);
  const [pinned, setPinned] = useState(false);
  const [writable, setWritable] = useState(false);
  const start = useMutation({
    mutationFn: () => call(endpoints.createExport, { body: wishOf() }),
    onSuccess: async ({ id }) => {
      await client.invalidateQueries({ queryKey: keys.exports });
      onMade(id);
    },
  });
  const wishOf = (): Partial<CreateExport> & { imageId: string } => ({
    ...{ imageId: image.id, name: name.trim(), pinned, writable },
    kind: how === 'fuse' ? 'fuse' : 'nbd',
    ...(how === 'tcp' ? { transport: 'tcp', tls, ...(port === null ? {} : { port }) } : {}),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') start.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <Text size="sm">{text.text}</Text>
        <TextInput
          label={text.name}
          value={name}
          required
          maxLength={100}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Radio.Group label={text.how} value={how} onChange={(value) => setHow(value as How)}>
          <Stack gap="xs" mt={6}>
            {(['unix', 'tcp', 'fuse'] as const).map((each) => (
              <Radio key={each} value={each} label={text.hows[each]} description={text.howText[each]} />
            ))}
          </Stack>
        </Radio.Group>
        {how === 'tcp' ? (
          <>
            <NumberInput
              label={text.port}
              placeholder={text.anyPort}
              value={port ?? ''}
              min={1024}
              max={65_535}
              allowDecimal={false}
              onChange={(value) => setPort(typeof value === 'number' ? value : null)}
              error={isApiError(start.error) ? start.error.fieldError('port') : undefined}
            />
            <Checkbox
              label={text.tls}
              checked={tls}
              onChange={(event) => setTls(event.currentTarget.checked)}
            />
          </>
        ) : null}
        <Checkbox
          label={text.pinned}
          checked={pinned}
          onChange={(event) => setPinned(event.currentTarget.checked)}
        />
        <Checkbox
          label={text.writable}
          description={text.writableText}
          checked={writable}
          onChange={(event) => setWritable(event.currentTarget.checked)}
        />
        <ErrorNotice error={start.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            {words.common.cancel}
          </Button>
          <Button type="submit" loading={start.isPending} disabled={name.trim() === ''}>
            {text.submit}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
