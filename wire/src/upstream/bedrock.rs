//! Bedrock's Converse, as vendors speak it. Source: protocol specification §6.
