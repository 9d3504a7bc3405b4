import { Button, type ButtonProps, Tooltip } from '@mantine/core';
import { type ComponentPropsWithoutRef, useId } from 'react';

export interface ReasonedButtonProps
  extends ButtonProps,
    Omit<ComponentPropsWithoutRef<'button'>, keyof ButtonProps | 'disabled'> {
  /** Why the button cannot be used now; null or undefined when it can. */
  reason?: string | null | undefined;
}

/**
 * A button that says why it is grey. It stays focusable (aria-disabled instead of disabled), so that keyboard
 * and screen reader reach the reason as well.
 */
export function ReasonedButton({ reason, onClick, ...props }: ReasonedButtonProps) {
  const reasonId = useId();
  if (!reason) return <Button {...props} {...(onClick ? { onClick } : {})} />;
  return (
    <>
      <Tooltip label={reason} events={{ hover: true, focus: true, touch: true }}>
        <Button
          {...props}
          data-disabled
          aria-disabled
          aria-describedby={reasonId}
          onClick={(event) => event.preventDefault()}
        />
      </Tooltip>
      <span id={reasonId} className="visually-hidden">
        {reason}
      </span>
    </>
  );
}
