"""The words that headers are made of, in English, German, Chinese and Japanese, by what they mean.

One meaning a line, its words behind the colon and on indented lines; words that mean the same for a column stand
together, and `_` binds those that mean it only together. A word that is not here is not known, and a header with such
a word is asked for.
"""

from __future__ import annotations

# What says whose or how it is, and leaves personal data or money what they are.
WHOSE = frozenset({"customer", "company", "contact", "purchasing", "person", "buyer"})
WHOSE_MONEY = frozenset({"customer", "net", "gross"})
# What a field may end in without becoming another one, where it is known by that end in other words.
TAILS = frozenset({"name", "number"})
# Said of a column, not of what is in it.
SAYS_NOTHING = """
of the der die das des dem den von vom zur zum zu mit with für for and und or oder s & in im am an at to as per je pro
的 之 の お ご 御 样 様 さま 欄 栏 は へ a an
"""

MEANINGS = """
customer: customer client kunde kunden cust kd 客户 客戶 顾客 顧客 お客様 客先 得意先 取引先 account_holder kna1
buyer: buyer purchaser käufer 买方 购买方 购方 采购方 购货单位 购货方 订货单位 订货方 買方 買主 注文者 発注者
  besteller auftraggeber sold_to soldto abnehmer
purchasing: purchasing procurement einkauf 采购 採購 购买 購買 調達 仕入担当
company: company firm firma firmen unternehmen unternehmens 公司 企业 会社 企業
company name: 单位名称 單位名稱
legal-name: legal full vollständiger rechtlicher 正式 short
legal-name name: 全称 全稱 简称 簡稱 略称
debtor: debtor debitor debitoren
supplier: supplier vendor lieferant lieferanten zulieferer vorlieferant 供应商 供應商 供货商 供货单位 供货方 仕入先
  供給元 供給者 サプライヤー 調達先
final: final ultimate end 最终 最終 终端 終端 エンド
user: user consumer nutzer verwender verbraucher 用户 用戶 使用者 使用方 需要者 ユーザー ユーザ 使用单位
final user: endnutzer endverwender endverbraucher enduser
final user: endkunde endkunden endabnehmer endabnehmern end_customer end_customers final_customer ultimate_customer
  最终客户 终端客户 最終客戶 終端客戶 最終顧客 最終客先 最終得意先
name: name bezeichnung namen 名 名称 名稱 氏名 姓名 名前
number: no nr number num nummer nummern id code key schlüssel ref reference ident identifier kennung # kennzeichen
  号 號 号码 號碼 编号 編號 番号 代码 代碼 编码 編碼 コード ナンバー 単号 单号 kode
order: order orders auftrag auftrags auftr kundenauftrag verkaufsauftrag so ordered sales_order sales_orders 订单
  訂單 订货 订购 下单 注文 受注 オーダー 接单 销售订单
purchase-order: po purchase_order bestellung bestell bestellt bestellte 采购订单 採購訂單 采购单 採購單 发注 発注
sales: sales sale vertrieb vertriebs verkauf verkaufs vk 销售 銷售 営業 販売
contract: contract agreement vertrag vertrags kontrakt rahmenvertrag rahmenvertrags frame_contract
  framework_agreement 合同 合约 合約 契约 契約 契約書 销售合同
order position: order_line auftragsposition
position: line line_item position pos positions zeile row 行 项次 序号 行项目 明細 行号
part: part item article artikel teil teile material materialien sach produkt 材料 product 物料 料 零件 产品 產品
  商品 货物 貨物 品目 部品 製品 品 货品 物项 goods 物品
part number: pn p_n sku art_nr artnr mat_nr matnr artikelnr 品番 料号 料號 品号
description: description beschreibung desc text kurztext designation benennung 描述 specification spezifikation
  规格描述 名称规格 规格 規格
part name: 品名 bezeichnung_artikel
drawing: drawing dwg zeichnung zeichnungs zchng zng zchn 图纸 圖紙 图面 図面 图 圖 図
drawing number: 图号 圖號 図番
grade: grade quality güte 牌号 牌號 グレード werkstoffgüte materialgüte magnetgüte
alloy: alloy werkstoff legierung 材质 材質 合金 合金種 magnetwerkstoff
magnet: magnet magnets magnetic 磁体 磁钢 磁鋼 磁石 磁性 磁铁
rare-earth: rare_earth rareearth rare_earths re seltene_erde seltene_erden seltenerd se hre レアアース 稀土 希土類
  希土
element: element elements 元素
type: kind 种类 種類
content: content gehalt 含量 含有量 含有率 anteil
dysprosium: dysprosium dy 镝 ジスプロシウム
control: control controlled 管制 规制 規制
export: export ausfuhr 出口 輸出 export_control
customs number: 商品编码 商品編碼
part number: 商品编码 商品編碼
customs: customs zoll hs tariff tarif hts zolltarif warentarif 海关 海關 税则 关税 関税 税関 commodity 统计品目
  統計品目
goods-list: güterlisten güterliste ausfuhrlisten ausfuhrliste al dual_use dualuse 两用物项 両用
quantity: quantity qty qnty menge mengen amount_ordered 数量 數量 量 qte
pieces: pieces pcs stück stk anzahl stückzahl number_of_pieces count 件数 個数 个数 本数
weight: weight gewicht wt 重量 重 净重量
net: net netto 净 正味 不含税 税抜
gross: gross brutto 毛 总重 総
price: price preis preise unit_price unit_prices einzelpreis einzelpreise stückpreis e_preis price_each ep listpreis
  价格 单价 單價 価格 単価 list_price listenpreis kilopreis 價格 售价 每公斤单价 preis_je_stück preis_pro_stück
  price_per_unit price_per_piece
total: total gesamt summe sum 总 總 合计 合計 総 総合計 总计 总额 總額 総額
value: value wert amount betrag 金额 金額 值 额 額 价值 總值 总值
discount: discount rebate rabatt nachlass 折扣 値引 值引 割引 優惠
margin: margin marge profit deckungsbeitrag 利润 利潤 毛利 利益 粗利 markup
cost: cost costs kosten einkaufspreis ek_preis purchase_price purchasing_price 采购价 采购单价 仕入単価 仕入価格
  unit_cost unit_costs 成本 单位成本 原価 herstellkosten
rate: rate satz ratio share anteil quote 率 比例 占比 比率 比 割合 percentage 构成比 構成比
currency: currency curr crcy währung währungs whg 币种 幣別 货币 幣種 币别 通貨 貨幣
revenue: revenue revenues turnover umsatz umsätze sales_value umsatzerlöse erlöse 销售额 銷售額 营业额 營業額
  销售金额 销售收入 売上 売上高 売上金額 net_sales nettoumsatz
year: annual yearly p_a pa jahr jahres year 年 年度 年间 年間 每年 全年 jährlich jährliche
last-year: last_year vorjahr vorjahres previous_year prior_year 上年 去年 前年 前年度
volume: volume volumen 用量 使用量 采购量 购买量 購入量 購買量 消耗量
demand: demand bedarf need requirement requirements 需求量 需求 需要量
use-up: consumption verbrauch usage
country: country land länder nation ctry country_region staat 国 國 国家 國家 国别 国名 国家地区 国地域 所在国
region: region 地区 地域
iso: iso
city: city town ort stadt 城市 市 都市 市区町村 市町村 所在城市 城鎮
place: place location sitz site 地点 地點 场所 場所 所在 所在市
address: address addr adresse anschrift adressen street str strasse postal_address 地址 住所 住址 街道 所在地
postal: postal post mailing 通讯 通訊 邮政 郵便
postcode: zip plz postleitzahl postcode postal_code zip_code 邮编 邮政编码 郵便番号 郵政編碼
house-number: hausnummer house_number hausnr
registered: registered registration registrierungs reg head_office 注册 註冊 登録 handelsregister
  handelsregisternummer hrb 本社
tax: tax vat steuer ust umsatzsteuer mwst 税 纳税人 納稅人 稅 taxpayer steueridentifikation 纳税人识别
tax number: 税号 稅號 ustid ust_id uid vatid steuernummer umsatzsteueridentifikationsnummer ustidnr 统一社会信用代码
  社会信用代码 统一信用代码 統一社會信用代碼 信用代码 法人番号 纳税人识别号
eu: eu
licence: licence license lizenz permit 许可 許可 许可证 許可証 許可證
licensed: licensed lizenzierter lizenzierte lizenziert covered_by_licence covered_by_license
this: this under dieser 本 本许可 本次 当該
named: named genannt aufgeführt listed benannt
whether: 是否 whether ob
application: application anwendung anwendungs einsatz einsatzbereich 应用 應用 アプリケーション
area: area field bereich gebiet 领域 領域 区分 分類 分类 类别 類別 カテゴリ カテゴリー category kategorie 分野
civil: civil civilian zivile zivil zivilen 民用 民生
use: use zweck verwendung verwendungs verwendungszweck usage_purpose intended_use 用途 使途 使用用途 purpose
  einsatzzweck 使用目的
detail: detail details detailed konkrete konkreter specific spezifische 具体 具體 详细 詳細 说明 説明 說明 明确
  description_of
programme: programme program project programm projekt プロジェクト 项目 专案
model: model modell modellreihe baureihe 机型 機種 モデル 車型 车型 車種
vehicle: vehicle car fahrzeug auto 车辆 車両 整车
platform: platform plattform 平台 プラットフォーム
segment: segment segments セグメント 细分
market: market markt 市场 市場
industry: industry sector branche branchen industrie industriezweig 行业 行業 業種 業界 产业 產業
tier: tier ティア stufe 层级 階層 层次 tier_level level
supply-chain: supply_chain lieferkette lieferketten 供应链 供應鏈 サプライチェーン
since: since seit beginn start 起始 开始 開始 自 首次
relationship: relationship business_relationship geschäftsbeziehung kundenbeziehung beziehung 合作 取引 往来 関係
  合作关系
contact: contact kontakt ansprechpartner ansprechperson ansprechpartnerin attention attn 联系 聯絡 联系人 联络人
  聯絡人 對接人 对接人 担当者 担当 連絡先 kontaktperson ansprechpartnern 接洽人 窗口
person: person personal 人 者 人员 人員 mitarbeiter employee_in_charge 先方
in-charge: responsible in_charge zuständig zuständiger zuständige verantwortlich verantwortlicher 负责 負責 负责人
  負責人
email: email e_mail mail emailaddress mailadresse email_address e_mail_address mail_address mails 邮箱 郵箱 电子邮箱
  电子邮件 電子郵件 邮箱地址 邮件 メール メールアドレス eメール 電子メール email地址 電郵 电邮 邮件地址 电子邮件地址
  e_mailアドレス mailアドレス
phone: phone telephone tel telefon mobile mobil handy cell cellphone mobiltelefon mobilfunk fax telefax fon
  rufnummer rufnr durchwahl direct_dial dial_in extension telefonnummer 电话 電話 手机 手機 传真 傳真 座机 座機 固话
  固定电话 携帯 携帯電話 ファックス ファクス telf1 telfx 移动电话 联系方式
account: account konto konten 账户 帐户 账号 帐号 口座 帳號 賬號
manager: manager betreuer kundenbetreuer betreuerin 经理 經理
representative: representative rep mitarbeiter vertreter 代表
sales representative: 业务员 業務員 销售员 銷售員 verkäufer salesperson sales_person vertriebler aussendienst
  aussendienstmitarbeiter 跟单员 跟單員
purchasing contact: 采购员 採購員 einkäufer einkäuferin
clerk: clerk sachbearbeiter bearbeiter innendienst inside_sales taken_by
our: our own ours unser unsere unseren 我方 我司 弊社 自社 当社 本公司
your: your ihre ihr ihrer 贵司 贵方 貴社 御社
key: key haupt main primary 主要 主 重点 hauptansprech
bank: bank bank_account bankverbindung bankkonto bankdaten 银行 銀行 开户行 开户银行 開戶行 振込先 振替先
iban: iban bic swift
payment: payment pmt zahlung zahlungs zahl 付款 支払 支付 结算 結算 账期
terms: terms term condition conditions bedingung bedingungen kondition konditionen bed 条件 條件 条款 條款
payment terms: zahlungsziel zahlungsfrist payment_period 付款方式 付款期限 结算方式 結算方式 支付方式 支払方法
  支払期限 支払サイト
credit-limit: credit_limit kreditlimit 信用额度 與信額度 与信限度額 与信枠 kreditlinie
defence: defence defense military militär militärischer militärische rüstung rüstungs wehrtechnik wehrtechnischer
  wehrtechnisch 军工 军用 軍用 国防 國防 军事 軍事 軍需 防衛 涉军 涉軍 軍工
government: government gov behörde behörden 政府 官庁
related: related nexus bezug relevance relevant flag indicator 关联 関連 相关 相關
remarks: remark remarks comment comments note notes memo bemerkung bemerkungen kommentar kommentare notiz notizen
  anmerkung anmerkungen hinweis hinweise 备注 備註 備考 注释 说明备注 说明 說明 コメント メモ 特記事項 摘要 附注
  注记
other: other additional misc general weitere sonstige allgemeine 其他 其它 その他 special 特殊 特記
instructions: instructions instruction anweisung anweisungs 信息 事項 事项
date: date dat datum day termin 日期 日 时间 時間 年月日 期日 期
delivery: delivery deliver ship shipping shipment liefer lieferung auslieferung ausliefer anliefer versand dispatch
  shipped 交货 交貨 发货 發貨 出货 出貨 装运 裝運 送货 出荷 納入 納品 收货 收貨 届け先 届出 empfänger empfangs 発送
delivery place: ship_to deliver_to delivered_to 納入先 納品先 届け先 出荷先 発送先 送货地
delivery date: lieferfrist delivery_deadline 交货期限 納入期限 due_date etd eta liefertermin 交期 納期 货期 船期
wanted: requested required wanted wunsch desired gewünschter gewünscht 要求 希望 指定 期望 客户要求
confirmed: confirmed promised bestätigt bestätigter bestätigte 确认 確認 回答 承诺 約束 best_liefertermin
planned: planned expected estimated geplant geplanter geplantes voraussichtlich 预计 預計 予定 计划 見込
received: received eingang eingangs entry
destination: destination dest bestimmung bestimmungs ziel 目的 目的地 仕向 仕向け 仕向先 仕向地 运抵 抵达
destination place: 目的地 仕向地
incoterm: incoterms incoterm inco インコタームズ
trade: trade handel handels 贸易 貿易 成交 价格条款 受渡 引渡
status: status state stand zustand 状态 狀態 状況 状態 ステータス 进度 進度 進捗 进展
processing: processing bearbeitung bearbeitungs progress execution 执行 処理
open: open offene offen offener outstanding remaining rest restliche 未交 未交货 欠交 未納 残 注残 剩余 剩餘 未完
backlog: backlog rückstand auftragsbestand 受注残 訂單餘量 積壓
stock: stock inventory bestand lagerbestand lager on_hand stock_on_hand stock_quantity 库存 庫存 在庫 存货 存貨
torque: torque moment drehmoment 转矩 轉矩 扭矩 トルク
nominal: nominal rated nenn 额定 額定 定格
temperature: temperature temp temperatur 温度 溫度
operating: operating working betriebs betrieb service einsatz 工作 使用 動作 作动 运行
maximum: max maximum maximale maximaler maximal 最高 最大
mass: mass masse unit_weight unit_mass 质量 質量 单重 單重 単重
piece: piece stück einzel 件 单件 個 per_piece single
test: test tested prüfung prüf geprüft testing 测试 測試 检测 檢測 试验 試験 检验 検査 測定
process: process verfahren prozess prozesse fertigungsprozess 工艺 工藝 工程 プロセス
parameters: parameter parameters 参数 參數 パラメータ
method: method methode methoden 方法 方式
making: manufacturing production fertigung fertigungs herstellung herstell produktions 制造 製造 生产 生產
sintering: sintering sintern sinter 烧结 焼結
coating: coating beschichtung beschichtungs 涂层
flow: flow ablauf 流程
recipe: recipe rezeptur 配方
author: author autor verfasser ersteller writer prepared_by written_by compiled_by erstellt_von created_by_author
  编制 編製 编写 作成 作者 著者
engineer: engineer ingenieur 工程师
target: target ziel 目标 目標
ordered-by: ordered_by bestellt_durch bestellt_von orderer
"""
