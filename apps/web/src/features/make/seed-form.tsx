import { Text, Textarea } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { words } from '../../lib/words.ts';
import classes from './make.module.css';
import type { MakeFormProps } from './make-kinds.ts';
import { MakingForm } from './making-form.tsx';
import { seedBody } from './seed-body.ts';
import { useMaking } from './use-making.ts';

/** A seed for cloud-init, from its three texts. */
export function SeedForm({ onClose }: MakeFormProps) {
  const [texts, setTexts] = useState({ userData: words.make.userDataStart, metaData: '', networkConfig: '' });
  const making = useMaking(
    (target) => call(endpoints.makeSeed, { body: { ...target, ...seedBody(texts) } }),
    onClose,
  );
  const field = (of: keyof typeof texts) => ({
    label: words.make[of],
    description: words.make[`${of}Text`],
    value: texts[of],
    spellCheck: false,
    autosize: true,
    classNames: { input: classes.code ?? '' },
    onChange: (event: { currentTarget: { value: string } }) => {
      const { value } = event.currentTarget;
      setTexts((before) => ({ ...before, [of]: value }));
    },
    error: making.fieldError(of),
  });
  return (
    <MakingForm making={making} ready={texts.userData.trim() !== ''} onClose={onClose}>
      <Textarea {...field('userData')} required minRows={6} maxRows={14} />
      <Textarea {...field('metaData')} minRows={1} maxRows={8} />
      <Textarea {...field('networkConfig')} minRows={1} maxRows={8} />
      <Text size="sm" c="dimmed">
        {words.make.secret}
      </Text>
    </MakingForm>
  );
}
