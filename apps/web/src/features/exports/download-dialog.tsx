import { Button, Checkbox, Group, Radio, Stack, Text } from '@mantine/core';
import { type DownloadFormat, endpoints, type Image } from '@strata/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import { call } from '../../api/call.ts';
import { operationQuery } from '../../api/queries.ts';
import { saveDownload } from '../../api/save-download.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { notifyDone, notifyError } from '../../ui/notify.tsx';

type What = 'file' | DownloadFormat;
const converted = ['qcow2', 'vmdk', 'vdi', 'vhdx', 'vpc'] as const;
const compressed: ReadonlySet<What> = new Set(['raw', 'qcow2', 'vmdk']);

/** The file itself, or what it shows: streamed at once, or made first. */
export function DownloadDialog({ image, onClose }: { image: Image; onClose: () => void }) {
  const text = words.exports.download;
  const [what, setWhat] = useState<What>('file');
  const [compress, setCompress] = useState(false);
  const [operationId, setOperationId] = useState<string | null>(null);
  const params = { id: image.id };
  const packed = compress && compressed.has(what);
  const start = useMutation({
    mutationFn: async () => {
      if (what === 'file') return saveDownload(endpoints.downloadImage, { params });
      const query = { format: what, ...(packed ? { compress: '1' } : {}) };
      if (what === 'raw') return saveDownload(endpoints.downloadImage, { params, query });
      const body = { format: what, compress: packed };
      const { id } = await call(endpoints.prepareDownload, { params, body });
      setOperationId(id);
    },
    onSuccess: () => {
      if (what === 'file' || what === 'raw') onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate();
  };
  return (
    <Dialog onClose={onClose} title={text.title(image.name)} size="34rem">
      {operationId === null ? (
        <form onSubmit={submit}>
          <Stack gap="md">
            <Radio.Group label={text.what} value={what} onChange={(value) => setWhat(value as What)}>
              <Stack gap="xs" mt={6}>
                <Radio
                  value="file"
                  label={text.file}
                  description={text.fileText(image.backing !== undefined)}
                />
                <Radio value="raw" label={text.raw} description={text.rawText} />
                {converted.map((format) => (
                  <Radio
                    key={format}
                    value={format}
                    label={text.formats[format]}
                    description={format === 'qcow2' ? text.formatText : undefined}
                  />
                ))}
              </Stack>
            </Radio.Group>
            <Checkbox
              label={text.compress}
              checked={packed}
              disabled={!compressed.has(what)}
              onChange={(event) => setCompress(event.currentTarget.checked)}
            />
            <ErrorNotice error={start.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {words.common.cancel}
              </Button>
              <Button type="submit" loading={start.isPending}>
                {text.submit}
              </Button>
            </Group>
          </Stack>
        </form>
      ) : (
        <Preparing operationId={operationId} onClose={onClose} />
      )}
    </Dialog>
  );
}

/** Begins the download of what the operation has made, if this is still looked at when it ends. */
export function Preparing({ operationId, onClose }: { operationId: string; onClose: () => void }) {
  const text = words.exports.download;
  const operation = useQuery(operationQuery(operationId)).data;
  const downloadId = operation?.result?.downloadId;
  const name = String(operation?.result?.name ?? '');
  useEffect(() => {
    if (typeof downloadId !== 'string') return;
    saveDownload(endpoints.fetchDownload, { params: { id: downloadId } }).then(
      () => notifyDone(text.ready(name)),
      notifyError,
    );
    onClose();
  }, [downloadId, name, onClose, text]);
  const failed = operation?.state === 'failed' || operation?.state === 'cancelled';
  return (
    <Stack gap="md">
      <Text size="sm" role="status">
        {failed ? (operation.error?.message ?? words.operations.states[operation.state]) : text.preparing}
      </Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          {words.exports.dialog.done}
        </Button>
      </Group>
    </Stack>
  );
}
