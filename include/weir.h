/*
 * weir: pools of database connections.  This umbrella is what most programs include;
 * <weir/observe.h> has figures and events, <weir/backend.h> is for those who write drivers.
 * SPDX-License-Identifier: MIT
 */
#ifndef WEIR_H
#define WEIR_H

#include <weir/base.h>
#include <weir/error.h>
#include <weir/db.h>
#include <weir/query.h>
#include <weir/transact.h>
#include <weir/bulk.h>

#endif
