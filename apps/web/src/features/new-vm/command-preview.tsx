import { isApiError } from '../../api/api-error.ts';
import { words } from '../../lib/words.ts';
import { CommandBox } from '../../ui/command-box.tsx';
import { ErrorNotice } from '../../ui/error-notice.tsx';
import { Panel } from '../../ui/page.tsx';
import classes from './new-vm-page.module.css';
import type { Preview } from './use-preview.ts';

export function CommandPreview({ preview }: { preview: Preview }) {
  const text = words.newVm;
  // Mistakes in a field stand at the field.
  const atField = isApiError(preview.error) && (preview.error.problem.errors?.length ?? 0) > 0;
  return (
    <Panel title={text.command}>
      <p className={classes.hint}>
        {preview.shell ? text.commandText : (preview.missing ?? text.commandWaiting)}
      </p>
      {preview.error && !atField ? <ErrorNotice error={preview.error} /> : null}
      {preview.shell ? (
        <div className={preview.old ? classes.old : undefined}>
          <CommandBox shell={preview.shell} copyLabel={words.log.copyCommand} />
        </div>
      ) : null}
    </Panel>
  );
}
