import { Button, Group, Modal, Radio, Stack, Text, TextInput } from '@mantine/core';
import type { Branch, Operation } from '@strata/contract';
import { useMutation, useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { isApiError } from '../../api/api-error.ts';
import { vmsQuery } from '../../api/queries.ts';
import { freeName } from '../../lib/free-name.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { ReserveChoice } from '../../ui/reserve-choice.tsx';
import { useTellBegun } from '../operations/use-tell-begun.ts';

export type Mode = 'linked' | 'full';

interface NewVmDialogProps {
  title: string;
  /** What the new VM will be. */
  children: ReactNode;
  suggestion: string;
  mode: Mode;
  modeText?: Partial<Record<Mode, string>>;
  /** Further wishes, below the mode. */
  wishes?: ReactNode;
  /** Why it is not possible that way. */
  modeRefusal?: Partial<Record<Mode, string>>;
  submit: string;
  start: (wish: Branch) => Promise<Operation>;
  onClose: () => void;
}

/** Asks for the name of a VM made of another one, and whether it shares layers with it. */
export function NewVmDialog(props: NewVmDialogProps) {
  const { title, children, suggestion, submit, start, onClose } = props;
  const taken = useQuery(vmsQuery()).data?.items.map(({ name }) => name) ?? [];
  const [typed, setTyped] = useState<string | null>(null);
  const [mode, setMode] = useState<Mode>(props.mode);
  const { copies } = words;
  const name = typed ?? freeName(suggestion, taken);
  const [useReserve, setUseReserve] = useState(false);
  const tell = useTellBegun();
  const make = useMutation({
    mutationFn: () => start({ name: name.trim(), mode, ...(useReserve ? { useReserve } : {}) }),
    onSuccess: (operation) => {
      tell(operation);
      onClose();
    },
  });
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== '') make.mutate();
  };
  const fieldError = isApiError(make.error) ? make.error.fieldError('name') : undefined;
  return (
    <Modal opened onClose={onClose} title={title} size="34rem">
      <form onSubmit={onSubmit}>
        <Stack gap="md">
          <Text size="sm">{children}</Text>
          <TextInput
            label={copies.name}
            value={name}
            required
            maxLength={100}
            data-autofocus
            onChange={(event) => setTyped(event.currentTarget.value)}
            error={fieldError}
          />
          <Radio.Group label={copies.mode} value={mode} onChange={(value) => setMode(value as Mode)}>
            <Stack gap="xs" mt={6}>
              {(['linked', 'full'] as const).map((value) => (
                <Radio
                  key={value}
                  value={value}
                  label={copies.modes[value]}
                  disabled={props.modeRefusal?.[value] !== undefined}
                  description={
                    props.modeRefusal?.[value] ?? props.modeText?.[value] ?? copies.modeText[value]
                  }
                />
              ))}
            </Stack>
          </Radio.Group>
          {props.wishes}
          <ErrorNotice error={fieldError === undefined ? make.error : null} />
          <ReserveChoice error={make.error} checked={useReserve} onChange={setUseReserve} />
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {words.common.cancel}
            </Button>
            <Button type="submit" loading={make.isPending} disabled={name.trim() === ''}>
              {submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
