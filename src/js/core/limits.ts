import type { Approve } from "./options.js";
import type { PaymentEvent } from "./payment.js";

/**
 * The limits in satoshis, routing fee included. 0 means zero, not unlimited. An optional limit that is absent does not
 * limit.
 */
export interface Limits {
  /** The most that one payment may cost. */
  perPayment: number;
  /** The most in any 60 minutes. */
  perHour?: number | undefined;
  /** The most in any 24 hours. */
  perDay?: number | undefined;
  /** The most ever, as far as the store remembers. */
  total?: number | undefined;
  /** How many orders may be handed to the wallet, whatever they cost and whatever becomes of them. */
  payments?: OrderLimits | undefined;
  /** The same limits for each origin. */
  perOrigin?: Partial<Omit<Limits, "perOrigin">> | undefined;
}

/** How many orders may be handed to the wallet. */
export interface OrderLimits {
  /** In any 60 seconds. */
  perMinute?: number | undefined;
  /** In any 60 minutes. */
  perHour?: number | undefined;
  /** In any 24 hours. */
  perDay?: number | undefined;
}

/** What may be held in MPP sessions. */
export interface SessionLimits {
  /** The most that may be in the open sessions of one origin, in satoshis. The limits hold besides. */
  maxDeposit: number;
}

/** A task, a tool or a sub-agent, and what it may spend. */
export interface Scope {
  /**
   * Keeps its sums in the store, by the path of names: across restarts, and shared by all processes. 1 to 100
   * characters, none of them `/`. Without a name the sums are kept by this object alone.
   */
  name?: string | undefined;
  /** They hold beside those of every scope around it. So they only narrow, and those that are absent are inherited. */
  limits: Partial<Limits>;
  /** Asked after those of the scopes around it; all must say true. */
  approve?: Approve | undefined;
  /** Told like those of the scopes around it. */
  onEvent?: ((event: PaymentEvent) => void) | undefined;
}

/**
 * What may still be spent under every limit that holds, in satoshis, rounded down. What is reserved is taken off, fee
 * reserves of unsettled payments too. null where there is no such limit.
 */
export interface Remaining {
  /** By one payment: the least of all. 0 where no order is left. */
  payment: number;
  /** Within the hour. */
  hour: number | null;
  /** Within the day. */
  day: number | null;
  /** Ever. */
  total: number | null;
  /** How many orders are left. */
  payments: number | null;
}
