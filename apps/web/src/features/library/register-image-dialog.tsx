import { Button, Group, Radio, Select, Stack, Text, TextInput } from '@mantine/core';
import {
  archiveName,
  endpoints,
  foreignFormat,
  foreignNames,
  type Image,
  type TakeInInput,
} from '@strata/contract';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { call } from '../../api/call.ts';
import { foldersQuery, keys } from '../../api/queries.ts';
import { words } from '../../lib/words.ts';
import { Dialog } from '../../ui/dialog.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { PathField } from '../../ui/path-field.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import { AdoptDialog } from './adopt-dialog.tsx';
import { TakingIn } from './taking-in.tsx';

interface RegisterImageDialogProps {
  onClose: () => void;
  onRegistered?: (image: Image) => void;
}

type Format = NonNullable<TakeInInput['format']>;
const modes = ['register', 'copy', 'move'] as const;

const kindOf = (path: string, format: Format | null): 'archive' | 'foreign' | 'image' => {
  if (archiveName.test(path)) return 'archive';
  const isForeign = foreignFormat.options.some((each) => format === each || foreignNames[each].test(path));
  return isForeign ? 'foreign' : 'image';
};

/** A file of this computer: used where it lies, copied or moved into the library, unpacked or converted. */
export function RegisterImageDialog({ onClose, onRegistered }: RegisterImageDialogProps) {
  const client = useQueryClient();
  const folders = useQuery(foldersQuery()).data?.items ?? [];
  const [path, setPath] = useState('');
  const [chosen, setMode] = useState<(typeof modes)[number]>('register');
  const [format, setFormat] = useState<Format | null>(null);
  const [sha256, setSum] = useState('');
  const [folder, setFolder] = useState<string | null>(null);
  const [useReserve, setUseReserve] = useState(false);
  const [adopting, setAdopting] = useState(false);
  const { register } = words.library;
  const file = path.trim();
  const kind = kindOf(file, format);
  const mode = kind === 'image' ? chosen : 'copy';
  const take = useMutation({
    mutationFn: () =>
      call(endpoints.takeInImage, {
        body: {
          path: file,
          mode,
          ...(mode === 'register' || folder === null ? {} : { folder }),
          ...(mode === 'register' || format === null ? {} : { format }),
          ...(mode === 'register' || sha256.trim() === '' ? {} : { sha256: sha256.trim() }),
          ...(useReserve ? { useReserve } : {}),
        },
      }),
  });
  if (adopting) return <AdoptDialog path={file.slice(0, file.lastIndexOf('/'))} onClose={onClose} />;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (file !== '') take.mutate();
  };
  const done = async (image: Image | null) => {
    await client.invalidateQueries({ queryKey: keys.images });
    if (image !== null) onRegistered?.(image);
    onClose();
  };
  const fieldError = (field: string) => (isApiError(take.error) ? take.error.fieldError(field) : undefined);
  return (
    <Dialog onClose={onClose} title={register.title} size="36rem">
      {take.data ? (
        <TakingIn operation={take.data} onClose={onClose} onDone={done} onAgain={() => take.reset()} />
      ) : (
        <form onSubmit={submit}>
          <Stack gap="md">
            <PathField
              label={register.path}
              kind="file"
              required
              focused
              value={path}
              onChange={setPath}
              error={fieldError('path')}
            />
            {kind === 'image' ? (
              <Radio.Group
                label={register.mode}
                value={mode}
                onChange={(value) => setMode(value as typeof chosen)}
              >
                <Stack gap={6} mt={6}>
                  {modes.map((value) => (
                    <Radio
                      key={value}
                      value={value}
                      label={register.modes[value]}
                      description={register.texts[value]}
                    />
                  ))}
                </Stack>
              </Radio.Group>
            ) : (
              <Text size="sm">{register[kind]}</Text>
            )}
            {mode === 'register' ? null : (
              <>
                {folders.length > 1 ? (
                  <Select
                    label={register.folder}
                    value={folder ?? folders.find((each) => each.default)?.path ?? null}
                    onChange={setFolder}
                    data={folders.map((each) => each.path)}
                  />
                ) : null}
                <Select
                  label={register.format}
                  placeholder={register.formats.found}
                  clearable
                  value={format}
                  onChange={(value) => setFormat(value as Format | null)}
                  data={(['raw', 'qed', 'parallels'] as const).map((value) => ({
                    value,
                    label: register.formats[value],
                  }))}
                />
                <TextInput
                  label={register.sum}
                  description={register.sumHint}
                  value={sha256}
                  spellCheck={false}
                  onChange={(event) => setSum(event.currentTarget.value)}
                  error={fieldError('sha256')}
                />
              </>
            )}
            <ErrorNotice error={take.error} />
            <ReserveChoice error={take.error} checked={useReserve} onChange={setUseReserve} />
            <Text size="sm" c="dimmed">
              {register.adoptText}{' '}
              <Button size="compact-sm" variant="subtle" onClick={() => setAdopting(true)}>
                {register.adopt}
              </Button>
            </Text>
            <Group justify="flex-end">
              <Button variant="default" onClick={onClose}>
                {words.common.cancel}
              </Button>
              <Button type="submit" loading={take.isPending} disabled={file === ''}>
                {kind === 'image' ? register.submit[mode] : register.submitKind[kind]}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Dialog>
  );
}
