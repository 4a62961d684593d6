/* SPDX-License-Identifier: Apache-2.0 */
/* master_assets: what the page of an investigation adds to report.css, embedded at build time by tools/embed.py. */
#ifndef TOLL_MASTER_MASTER_ASSETS_H
#define TOLL_MASTER_MASTER_ASSETS_H

extern const char master_css[];

#endif
