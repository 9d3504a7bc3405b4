import { Button, Code, PasswordInput } from '@mantine/core';
import { endpoints } from '@strata/contract';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { setToken } from '../../api/access.ts';
import { ApiError } from '../../api/api-error.ts';
import { callWithToken } from '../../api/call.ts';
import { useDocumentTitle } from '../../lib/use-document-title.ts';
import { words } from '../../lib/words.ts';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import classes from './login-page.module.css';
import { Logo } from './logo.tsx';

export function LoginPage() {
  const { login } = words;
  useDocumentTitle(login.title);
  const [text, setText] = useState('');
  const [empty, setEmpty] = useState(false);
  // The token is proved by a call before it is kept.
  const open = useMutation({
    mutationFn: (token: string) => callWithToken(token, endpoints.getHost),
    onSuccess: (_, token) => setToken(token),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const token = tokenIn(text);
    setEmpty(token === '');
    if (token !== '') open.mutate(token);
  };
  const wrong = open.error instanceof ApiError && open.error.status === 401;
  return (
    <main className={classes.screen}>
      <form className={classes.card} onSubmit={submit}>
        <Logo />
        <h1 className={classes.title}>{login.title}</h1>
        <p className={classes.text}>{login.text}</p>
        <p className={classes.text}>{login.where}</p>
        <Code block>{login.example}</Code>
        <PasswordInput
          label={login.label}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={empty ? login.empty : wrong ? login.wrong : null}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          autoFocus
        />
        {open.error && !wrong ? <ErrorNotice error={open.error} /> : null}
        <Button type="submit" loading={open.isPending} fullWidth>
          {login.submit}
        </Button>
      </form>
    </main>
  );
}

/** The token itself, or the whole start link, which is what people copy. */
export function tokenIn(text: string): string {
  const match = /#token=([^\s&]+)/.exec(text);
  return match?.[1] ? decodeURIComponent(match[1]) : text.trim();
}
