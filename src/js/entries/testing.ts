export type { Price, TestShopOptions } from "../testing/options.js";
export type { Handler } from "../testing/routes.js";
export type { ReceivedPayment, SeenRequest, Shop, ShopFault, TestShop } from "../testing/shop.js";
export { testShop } from "../testing/shop.js";
export type { TestWallet, WalletFault } from "../testing/wallet.js";
