import { Button, FileButton } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useRef } from 'react';
import { words } from '../../lib/words.ts';
import { sendFiles } from './use-uploads.ts';

/** The file dialog: the other way in beside dropping. */
export function UploadButton() {
  // The same file may be chosen again: that is how one goes on with it.
  const reset = useRef<() => void>(null);
  const send = (files: File[]) => {
    void sendFiles(files);
    reset.current?.();
  };
  return (
    <FileButton multiple resetRef={reset} onChange={send} inputProps={{ 'aria-label': words.uploads.button }}>
      {(props) => (
        <Button variant="default" leftSection={<IconUpload size={16} aria-hidden />} {...props}>
          {words.uploads.button}
        </Button>
      )}
    </FileButton>
  );
}
