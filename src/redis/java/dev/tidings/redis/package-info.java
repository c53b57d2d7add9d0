/** A log in Redis or Valkey for the channels of Tidings, shared by several servers. */
package dev.tidings.redis;
