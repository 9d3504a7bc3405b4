import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import { type ComponentPropsWithoutRef, type MouseEvent, useId } from 'react';

export interface ReasonedButtonProps
  extends ButtonProps,
    Omit<ComponentPropsWithoutRef<'button'>, keyof ButtonProps | 'disabled'> {
  /** Why the button cannot be used now; null or undefined when it can. */
  reason?: string | null | undefined;
}

/**
 * A button that says why it is grey. It stays focusable (aria-disabled instead of disabled), so that keyboard
 * and screen reader reach the reason as well; and it stays the same element when a reason comes or goes, so that
 * it keeps the focus.
 */
export function ReasonedButton({ reason, onClick, ...props }: ReasonedButtonProps) {
  const reasonId = useId();
  const refused = {
    'data-disabled': true,
    'aria-disabled': true,
    'aria-describedby': reasonId,
    onClick: (event: MouseEvent) => event.preventDefault(),
  };
  return (
    <>
      <Tooltip label={reason} disabled={!reason} events={{ hover: true, focus: true, touch: true }}>
        <Button {...props} {...(reason ? refused : onClick ? { onClick } : {})} />
      </Tooltip>
      {reason ? (
        <span id={reasonId} className="visually-hidden">
          {reason}
        </span>
      ) : null}
    </>
  );
}
