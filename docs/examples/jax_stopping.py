"""A JAX training with Optax whose learning rate falls when the loss no longer does, and that stops the second time."""

import dvar
import jax
import jax.numpy as jnp
import optax


def draw_batch(key, count):
    x_key, noise_key = jax.random.split(key)
    x = jax.random.normal(x_key, (count, 3))
    return x, x.sum(axis=1) + 0.5 * jax.random.normal(noise_key, (count,))


def loss_of(weights, batch, key):
    x, y = batch
    hidden = jnp.tanh(x @ weights["in"])
    hidden = jnp.where(jax.random.bernoulli(key, 0.9, hidden.shape), hidden / 0.9, 0.0)  # dropout
    return jnp.mean(jnp.square(hidden @ weights["out"] - y))


key, in_key, out_key, probe_key, dropout_key = jax.random.split(jax.random.key(1), 5)
weights = {"in": 0.5 * jax.random.normal(in_key, (3, 32)), "out": 0.1 * jax.random.normal(out_key, (32,))}
optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=0.02)
state = optimizer.init(weights)


@jax.jit
def train_step(weights, state, key):
    batch_key, dropout_key = jax.random.split(key)
    gradients = jax.grad(loss_of)(weights, draw_batch(batch_key, 4), dropout_key)
    updates, state = optimizer.update(gradients, state)
    return optax.apply_updates(weights, updates), state


# JAX's random numbers depend on their key alone: with one batch and one key for the dropout, only the weights change the loss.
fixed_batch = draw_batch(probe_key, 512)
probe = jax.jit(lambda weights: loss_of(weights, fixed_batch, dropout_key))
rule = dvar.AnyOf(dvar.VarianceRatio(window=310, threshold=0.15), dvar.NonFinite())

drops = 1
for step in range(1, 5001):
    key, step_key = jax.random.split(key)
    weights, state = train_step(weights, state, step_key)
    if verdict := rule.observe(probe(weights), step):
        if verdict.rule != "variance_ratio" or drops == 0:
            break
        state.hyperparams["learning_rate"] *= 0.1
        drops -= 1
        rule.reset()

print(f"rate {state.hyperparams['learning_rate']:.3f} at step {step}, by {verdict.rule}: {rule.reason()}")
print(f"loss on the fixed batch: {probe(weights):.3f} (0.25 of it is noise)")
