/*
 * What headlines are about.  Symbols that are everyday words (LINK, DOT, UNI, TON) count only as names or beside another word; who
 * speaks of Bitcoin Cash or Ethereum Classic is taken to speak of Bitcoin or Ethereum, too.
 * SPDX-License-Identifier: MIT
 */
#include <stddef.h>
#include "topics.h"
#include "words.h"

const struct topic coins[COIN_COUNT + 1] = {
    { "AAVE", { "aave" } },
    { "ADA", { "cardano", "ada" } },
    { "ATOM", { "cosmos atom", "cosmos hub" } },
    { "AVAX", { "avalanche", "avax" } },
    { "BCH", { "bitcoin cash", "bch" } },
    { "BNB", { "bnb", "binance coin" } },
    { "BTC", { "bitcoin", "btc" } },
    { "DOGE", { "dogecoin", "doge" } },
    { "DOT", { "polkadot" } },
    { "ETC", { "ethereum classic" } },
    { "ETH", { "ethereum", "ether", "eth" } },
    { "LINK", { "chainlink" } },
    { "LTC", { "litecoin", "ltc" } },
    { "PEPE", { "pepe" } },
    { "SHIB", { "shiba inu", "shib" } },
    { "SOL", { "solana", "sol" } },
    { "SUI", { "sui" } },
    { "TON", { "toncoin", "ton blockchain", "ton network" } },
    { "TRX", { "tron", "trx" } },
    { "UNI", { "uniswap" } },
    { "USDC", { "usdc", "usd coin" } },
    { "USDT", { "tether", "usdt" } },
    { "XLM", { "stellar lumens", "xlm" } },
    { "XRP", { "xrp", "ripple" } },
    { NULL, { NULL } },
};

const struct topic narratives[NARRATIVE_COUNT + 1] = {
    { "adoption", { "adopt", "adoption", "accept", "payment", "legal tender", "treasury", "reserve", "partnership" } },
    { "ai", { "ai", "artificial intelligence", "chatgpt", "nvidia", "openai", "machine learning" } },
    { "defi", { "defi", "decentralized finance", "staking", "lending", "yield", "liquidity pool", "dex", "aave" } },
    { "etf", { "etf", "exchange traded fund", "exchange traded product", "etp" } },
    { "hacks", { "hack", "hacked", "hacker", "exploit", "stolen", "theft", "breach", "phishing", "rug pull", "scam" } },
    { "institutions",
      { "institution", "institutional", "blackrock", "fidelity", "grayscale", "jpmorgan", "vaneck", "microstrategy",
        "wall street", "goldman sachs", "hedge fund" } },
    { "layer-2", { "layer 2", "layer two", "rollup", "arbitrum", "polygon", "base network", "lightning" } },
    { "macro",
      { "fed", "federal reserve", "inflation", "interest rate", "rate cut", "rate hike", "recession", "cpi",
        "jobs report", "central bank", "tariff", "bond yield" } },
    { "memecoins", { "memecoin", "meme coin", "dogecoin", "doge", "shiba inu", "shib", "pepe", "bonk" } },
    { "mining", { "mining", "miner", "hash rate", "hashrate", "halving", "difficulty" } },
    { "nft", { "nft", "non fungible", "metaverse", "opensea", "collectible" } },
    { "politics",
      { "trump", "biden", "harris", "election", "senate", "senator", "congress", "white house", "president" } },
    { "regulation",
      { "sec", "cftc", "regulation", "regulator", "regulatory", "lawsuit", "court", "ban", "sanction", "compliance",
        "license", "crackdown", "gensler", "law" } },
    { "stablecoins", { "stablecoin", "usdt", "usdc", "tether", "rlusd", "dai", "circle", "depeg" } },
    { "tokenization", { "tokenized", "tokenization", "tokenize", "rwa", "real world asset" } },
    { NULL, { NULL } },
};

int topic_in(const struct topic *t, const char *plain)
{
    for (size_t i = 0; i < TOPIC_PHRASES && t->phrases[i]; i++)
        if (words_have(plain, t->phrases[i]))
            return 1;
    return 0;
}
