import { useNavigate } from '@tanstack/react-router';
import { words } from '../../lib/words.ts';
import { ReasonedButton, type ReasonedButtonProps } from '../../ui/reasoned-button.tsx';

interface LookInsideButtonProps extends Omit<ReasonedButtonProps, 'onClick' | 'children'> {
  imageId: string;
  /** A snapshot inside the file. */
  tag?: string | undefined;
}

/** The way to the partitions and files of an image. */
export function LookInsideButton({ imageId, tag, ...button }: LookInsideButtonProps) {
  const navigate = useNavigate();
  return (
    <ReasonedButton
      variant="default"
      {...button}
      onClick={() =>
        void navigate({
          to: '/library/$imageId/inside',
          params: { imageId },
          search: tag === undefined ? {} : { tag },
        })
      }
    >
      {words.inside.button}
    </ReasonedButton>
  );
}
