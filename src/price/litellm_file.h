/* SPDX-License-Identifier: Apache-2.0 */
/*
 * litellm_file: prices as LiteLLM keeps them, model_prices_and_context_window.json: an object of models by name, in dollars for one
 * token. It has no dates: its prices hold always. Read are input_cost_per_token, output_cost_per_token,
 * cache_creation_input_token_cost (and …_above_1hr), cache_read_input_token_cost; of these those that end in _above_<N>k_tokens,
 * _batches, _priority, _flex; provider_specific_entry.{fast,us}; search_context_cost_per_query. Models without a price for tokens
 * (images, audio) are left out.
 */
#ifndef TOLL_PRICE_LITELLM_FILE_H
#define TOLL_PRICE_LITELLM_FILE_H

#include "base/err.h"

#define LITELLM_SOURCE "LiteLLM model_prices_and_context_window.json"

#endif
