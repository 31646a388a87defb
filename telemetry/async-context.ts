import { AsyncLocalStorage } from "node:async_hooks";
import { type Context, type ContextManager, ROOT_CONTEXT } from "@opentelemetry/api";

/** The active context follows the code over every await. The SDK's own manager does the same, and costs its loading. */
export class AsyncContext implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>();

  active(): Context {
    return this.#storage.getStore() ?? ROOT_CONTEXT;
  }

  with<Args extends unknown[], Work extends (...args: Args) => ReturnType<Work>>(
    context: Context,
    work: Work,
    thisArgument?: ThisParameterType<Work>,
    ...args: Args
  ): ReturnType<Work> {
    return this.#storage.run(context, () => work.call(thisArgument as never, ...args));
  }

  bind<Target>(context: Context, target: Target): Target {
    if (typeof target !== "function") return target;
    const bound = (...args: unknown[]): unknown => this.#storage.run(context, () => target(...args));
    return bound as Target;
  }

  enable(): this {
    return this;
  }

  disable(): this {
    this.#storage.disable();
    return this;
  }
}
